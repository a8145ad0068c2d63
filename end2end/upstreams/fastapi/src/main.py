"""Starts the API alone: `PORT=4033 .venv/bin/python src/main.py`. Everything lives in memory and is gone when it stops."""

import os
import socket

import uvicorn

from app import app

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
    print(f"FastAPI listens on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
