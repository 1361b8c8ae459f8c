"""Prints what goes out of a device, a line a frame: source MAC, protocol, and the sender's IPv4 address where the frame names one."""
import socket
import sys

OUTGOING = 4
ALL = 0x0003
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
wire.bind((sys.argv[1], ALL))
print("listening", flush=True)
while True:
    frame, (_, _, kind, _, _) = wire.recvfrom(2048)
    if kind != OUTGOING:
        continue
    protocol = {0x0800: "ip", 0x0806: "arp", 0x86DD: "ipv6"}.get(int.from_bytes(frame[12:14], "big"), "other")
    sender = {"ip": frame[26:30], "arp": frame[28:32]}.get(protocol)
    address = "-" if sender is None else socket.inet_ntoa(sender)
    print(":".join(f"{byte:02x}" for byte in frame[6:12]), protocol, address, flush=True)
