# shellcheck shell=sh
# No firewall: nftables is masked, nothing is loaded.
# parent: good
# flips: linux-firewall-ipv4-denies-inbound linux-firewall-ipv6-denies-inbound linux-firewall-persists-at-boot linux-egress-denied-by-default
systemctl -q disable nftables.service
systemctl -q mask nftables.service
