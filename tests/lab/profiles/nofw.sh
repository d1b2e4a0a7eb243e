# shellcheck shell=sh
# No firewall: nftables is masked, nothing is loaded.
# parent: good
# flips: default-deny IPv4 (LNX-FW-001), IPv6 (LNX-FW-002), persists (LNX-FW-003)
systemctl -q disable nftables.service
systemctl -q mask nftables.service
