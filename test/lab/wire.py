"""Writes all that passes the network devices of a host into a file, until it is ended."""

import socket
import sys

EVERYTHING = 0x0003  # ETH_P_ALL
SO_RCVBUFFORCE = 33

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
with open(sys.argv[1], "wb", buffering=0) as capture:
    while True:
        capture.write(wire.recv(256 << 10))
