FROM python:3.12-slim
WORKDIR /app
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN pip install --no-cache-dir ".[serve,openvino]" && rm -rf /app
RUN useradd --system --uid 10001 gfsalnet && mkdir /data && chown gfsalnet /data
USER gfsalnet
WORKDIR /data
ENV GFSALNET_HOME=/tmp/gfsalnet
VOLUME /data
EXPOSE 8765
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz')"]
CMD ["gfsalnet", "serve", "--host", "0.0.0.0", "--token-file", "/token.txt", "--data", "/data"]
