# shellcheck shell=sh
# The firewall knows IPv4 only; the host has an IPv6 address like all hosts of the lab.
# parent: good
# flips: linux-firewall-ipv6-denies-inbound linux-firewall-persists-at-boot linux-egress-denied-by-default
sed -i 's/^table inet filter/table ip filter/; /icmpv6/d; /ip6 daddr/d' /etc/nftables.conf
