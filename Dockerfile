# The dashboard as a container. Untested.
FROM python:3.13-slim

RUN useradd --create-home --uid 1000 cifarviz \
    && install --directory --owner cifarviz /data

WORKDIR /opt/cifarviz
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps .

USER cifarviz
# Runs and fetched data. Inside the container the server listens on every interface; who may reach
# it is decided by the ports that are published (compose.yaml).
ENV CIFARVIZ_HOME=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["cifarviz", "--no-browser"]
