"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const palette = read("palette");
  const figures = read("figures");
  const charts = [...document.querySelectorAll(".chart[data-figure]")];

  // Figures are made in the light theme's colours: put the theme's in their place.
  const themed = (value, colours) => {
    if (typeof value === "string") return colours[value.toLowerCase()] ?? value;
    if (Array.isArray(value)) return value.map((each) => themed(each, colours));
    if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, themed(each, colours)]));
    }
    return value;
  };
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(
      Object.entries(palette).map(([colour, name]) => [colour, style.getPropertyValue(`--${name}`).trim()]),
    );
  };
  // A figure drawn or drawn anew into an element of `height` pixels; `width` on paper only.
  const draw = (element, figure, height, width) => {
    const { data, layout } = themed(figure, theme());
    const narrow = (width ?? element.clientWidth) < 480;
    if (width) layout.width = width;
    layout.height = height + (narrow ? Number(layout.meta?.narrow_extra ?? 0) : 0);
    element.style.height = `${layout.height}px`;
    layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
    if (narrow) {
      layout.font = { ...layout.font, size: 11 };
      if (layout.xaxis.tickangle === 0) layout.xaxis.tickfont = { ...layout.xaxis.tickfont, size: 9 };
    }
    return window.Plotly.react(element, data, layout, { responsive: !width, displayModeBar: false, doubleClick: "reset" });
  };
  const drawn = (some, width) => Promise.all(
    some.map((each) => draw(each, figures[Number(each.dataset.figure)], Number(each.dataset.height), width)),
  );
  // Those in folded parts have no width yet.
  const drawAll = () => drawn(charts.filter((each) => each.clientWidth > 0));
  const paperWidth = 660;
  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const loadPlotly = async () => {
    const script = document.createElement("script");
    script.textContent = await unpack(document.getElementById("library").textContent);
    document.head.append(script);
    if (!window.Plotly) throw new Error("Plotly did not start");
  };
  // Folded parts are open in print.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
  const start = async () => {
    if (document.getElementById("library")) {
      try {
        await loadPlotly();
        await drawAll();
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawAll(); });
        for (const each of document.querySelectorAll("details")) {
          each.addEventListener("toggle", () => { drawAll(); });
        }
        addEventListener("beforeprint", () => { drawn(charts, paperWidth); });
        addEventListener("afterprint", () => { drawAll(); });
      } catch (error) {
        for (const each of charts) {
          each.style.height = "auto";
          each.innerHTML = '<p class="missing">This browser cannot draw the chart: a newer one is needed (2023 or later). The tables hold the figures.</p>';
        }
        document.documentElement.dataset.failed = String(error);
      }
    }
    document.documentElement.dataset.ready = "true";
  };

  const orderOf = (row, at) => {
    const cell = row.cells[at];
    const given = cell.dataset.order ?? cell.textContent.trim();
    const number = Number(given.replace(/[−–]/g, "-").replace(/[,%\s]/g, ""));
    return given !== "" && Number.isFinite(number) ? number : given;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b);
  };
  // On the document: a server's page gets its tables later.
  document.addEventListener("click", (event) => {
    const head = event.target.closest("thead button")?.closest("th");
    if (head) {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const rows = [...body.rows];
      const at = head.cellIndex;
      rows.sort((a, b) => (rising ? 1 : -1) * compare(orderOf(a, at), orderOf(b, at)));
      body.append(...rows);
    }
  });
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  // For the scripts of a page that a server sends: pages.draw(element, figure, height).
  window.pages = { draw, ready: start() };
})();
