"""Search in an index with a browser.

python -m reid.serve --index index                              http://127.0.0.1:8000
python -m reid.serve --index index --host 0.0.0.0 --token …     for other machines
"""

from alignnet_common.errors import UserError
from reid.configs.video.serve import ServeConfig


def serve(config: ServeConfig) -> None:
    """Serve until the process is ended. Raises UserError where there is no index, or the extra [serve] is missing."""
    try:
        import uvicorn

        from reid.serve.app import application
    except ImportError as missing:
        raise UserError(f"reid serve needs {missing.name}: pip install 'alignnet-reid[serve]'") from missing
    app = application(config)
    where = f"http://{config.host}:{config.port}/" + ("?token=…" if config.token else "")
    print(f"{config.index} at {where} (Ctrl-C ends it)", flush=True)
    uvicorn.run(app, host=config.host, port=config.port, log_level="warning", server_header=False)
