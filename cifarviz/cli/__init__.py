"""The same jobs without a browser: for scripts, for servers, for measuring."""
