"""An application whose every answer shows whose request it was."""


def application(environ, start_response):
    body = f"app {environ['QUERY_STRING']}"
    if environ["REQUEST_METHOD"] == "POST":
        length = 0
        while block := environ["wsgi.input"].read(65536):
            length += len(block)
        body += f" {length}"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
