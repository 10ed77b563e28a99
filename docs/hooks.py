"""What the site takes from outside of docs/: CONTRIBUTING.md, CHANGELOG.md, measured tables.

Pages link to these files where they are in the repository, so that the links work there too;
here they become links between pages.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from error_messages import as_markdown
from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

ROOT = Path(__file__).parents[1]
PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
FIGURES = "benchmarks/results"
MESSAGES = "troubleshooting.md"


def on_files(files: Files, config: "MkDocsConfig") -> Files:
    """Add the pages whose text lies elsewhere."""
    for name, source in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    for path in sorted((ROOT / FIGURES).glob("*.md")):
        text = f"# Figures: {path.stem}\n\n{path.read_text('utf-8')}"
        files.append(File.generated(config, f"figures/{path.name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the repository as links to their pages."""
    here = page.file.src_uri
    up = "../" * here.count("/")
    for name, source in PAGES.items():
        markdown = markdown.replace(f"](../{up}{source}", f"]({up}{name}")
    markdown = re.sub(rf"\]\((?:\.\./)?{up}{FIGURES}/", f"]({up}figures/", markdown)
    markdown = markdown.replace("](docs/", "](") if here in PAGES else markdown
    return markdown.replace("<!-- messages -->", as_markdown()) if here == MESSAGES else markdown
