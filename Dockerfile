# raz on the CPU: docker build -t raz . && docker run --rm -v "$PWD:/data:ro" raz predict scene.jpg
# Built nowhere yet; make lint checks this file by hadolint.
FROM python:3.13-slim AS build
# Versions of Debian's packages are those of the image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
# An index of torch's builds for the CPU makes the image some gigabytes smaller on x86_64.
ARG TORCH_CPU_INDEX=""
ENV PIP_EXTRA_INDEX_URL=${TORCH_CPU_INDEX} PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml constraints.txt ./
# pyproject.toml bounds the versions of everything but torch, and constraints.txt has that.
RUN python -m venv /tools \
    && /tools/bin/pip install --upgrade "pip>=25.1" \
    && /tools/bin/pip install --constraint constraints.txt --group package torch
# Optional parts, such as "serve,heif".
ARG RAZ_EXTRAS=""
COPY CMakeLists.txt LICENSE README.md ./
COPY cmake cmake
COPY csrc csrc
COPY raz_ext raz_ext
COPY python python
RUN PATH=/tools/bin:$PATH python -m build --no-isolation --wheel --outdir /wheels \
        -C cmake.define.RAZ_CUDA=OFF \
    && python -m venv /opt/raz \
    && /opt/raz/bin/pip install --constraint constraints.txt \
        "$(echo /wheels/*.whl)${RAZ_EXTRAS:+[$RAZ_EXTRAS]}"

FROM python:3.13-slim
COPY --from=build /opt/raz /opt/raz
RUN useradd --create-home --uid 1000 raz
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["/opt/raz/bin/raz"]
CMD ["doctor"]
