"""uWebSockets behind socketify's bindings: a topic per shop, nobody logs in. python uwebsockets.py PORT

What is published and written is uWebSockets' own C++; Python sees a connection when it opens and a request when it publishes. The
bindings poll for a while when nothing happens, so what it costs on a quiet day is theirs and not uWebSockets'.
"""

import sys

from socketify import App, AppListenOptions, CompressOptions, OpCode

app = App()
# What it may be behind with a client: without this it drops what does not fit 64 KiB, and others would not.
BEHIND_BYTES_MAX = 64 << 20


def upgrade(response, request, context):
    response.upgrade(
        request.get_header("sec-websocket-key"),
        request.get_header("sec-websocket-protocol"),
        request.get_header("sec-websocket-extensions"),
        context,
        request.get_query("shop"),
    )


def opened(socket):
    socket.subscribe(socket.get_user_data())


def publish(response, request):
    shop, parts = request.get_query("shop"), []

    def came(response, part, is_last):
        parts.append(bytes(part) if part else b"")
        if is_last:
            for payload in b"".join(parts).split(b"\n"):
                app.publish(shop, payload, OpCode.TEXT)
            response.end("ok")

    response.on_data(came)


app.ws(
    "/ws",
    {
        "compression": CompressOptions.DISABLED,
        "max_backpressure": BEHIND_BYTES_MAX,
        "idle_timeout": 0,
        "upgrade": upgrade,
        "open": opened,
    },
)
app.post("/publish", publish)
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
app.run()
