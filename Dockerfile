# product-length on CPUs.
#   docker build --tag product_length .
#   docker run --rm --volume "$PWD:/work" product_length train data.rows=1000 tracking=none
ARG PYTHON=3.12
FROM python:${PYTHON}-slim-bookworm AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY product_length product_length
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim-bookworm
# The index of PyTorch's builds for CPUs; empty: PyPI's, which bring CUDA.
ARG TORCH_INDEX=""
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt \
        ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0 \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt /tmp/wheels/*.whl \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home --uid 1000 person \
    && install --directory --owner person /work
USER 1000
# Runs, embeddings and predictions are written here: mount a folder of yours.
WORKDIR /work
ENTRYPOINT ["product-length"]
