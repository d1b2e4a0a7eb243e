# shellcheck shell=sh
# A firewall that runs and lets everything in.
# parent: good
# flips: default-deny IPv4 (LNX-FW-001), IPv6 (LNX-FW-002)
sed -i 's/filter hook input priority filter; policy drop/filter hook input priority filter; policy accept/' /etc/nftables.conf
