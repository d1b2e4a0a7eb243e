# shellcheck shell=sh
# A firewall that runs and lets everything in.
# parent: good
# flips: linux-firewall-ipv4-denies-inbound linux-firewall-ipv6-denies-inbound linux-firewall-persists-at-boot
sed -i 's/filter hook input priority filter; policy drop/filter hook input priority filter; policy accept/' /etc/nftables.conf
