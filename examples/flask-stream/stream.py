"""A Flask application that answers bit by bit. In this folder: wend serve stream:app"""
import time

from flask import Flask, Response, request, stream_with_context

app = Flask(__name__)


@app.get("/")
def index():
    return '<p>Watch <a href="/count?to=5">a count</a> arrive second by second.</p>'


@app.get("/count")
def count():
    to = min(request.args.get("to", 5, type=int), 1000)
    pause = min(request.args.get("pause", 1.0, type=float), 10.0)

    @stream_with_context
    def lines():
        for number in range(1, to + 1):
            yield f"{number} of {to}\n"
            time.sleep(pause)

    return Response(lines(), mimetype="text/plain")


@app.post("/echo")
def echo():
    """The body again, piece by piece as it comes."""
    body = request.stream
    return Response(iter(lambda: body.read(65536), b""),
                    mimetype="application/octet-stream")
