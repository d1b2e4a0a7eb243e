# shellcheck shell=sh
# The input chain has policy drop, and a rule that accepts all of TCP.
# parent: good
# mode: lite
# verdict: linux-firewall-ipv4-denies-inbound=fail linux-firewall-ipv6-denies-inbound=fail linux-firewall-persists-at-boot=fail
# because: nft(8): a chain's policy holds for what its rules leave over, and these leave nothing of TCP.
# because: a check of `policy drop` alone passes this host.
# proof: [ "$(lab-knock 8080)" = open ]
knock_tool
sed -i 's/^\t\ttcp dport 22 accept$/\t\tmeta l4proto tcp accept/' /etc/nftables.conf
