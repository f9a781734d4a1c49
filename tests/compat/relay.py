"""Passes one port on to another and writes down every frame, for the golden files of the gateway.

In: a port to listen on, a port to pass on to, a file. Out: a line a frame: `>` from the client, `<` from the gateway, in
hexadecimal without its length. Invariant: what passes is what came, unchanged; the handshake is a line like any other.
"""

import socket
import struct
import sys
import threading


def exactly(source, count):
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def copy(source, target, mark, out, greeting):
    try:
        if greeting:
            target.sendall(exactly(source, 4))
        while True:
            prefix = exactly(source, 4)
            body = exactly(source, struct.unpack(">I", prefix)[0])
            print(mark, body.hex(), file=out, flush=True)
            target.sendall(prefix + body)
    except (EOFError, OSError):
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main(listen, onward, path):
    server = socket.create_server(("127.0.0.1", listen))
    with open(path, "w") as out:
        while True:
            client, _ = server.accept()
            gateway = socket.create_connection(("127.0.0.1", onward))
            threading.Thread(target=copy, args=(client, gateway, ">", out, True), daemon=True).start()
            threading.Thread(target=copy, args=(gateway, client, "<", out, False), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
