# shellcheck shell=sh
# The rules are loaded, and the service that loads them is masked: after the next restart nothing is.
# parent: good
# mode: lite
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-firewall-ipv6-denies-inbound=pass linux-firewall-persists-at-boot=fail
# because: systemctl(1), mask: a masked unit cannot be started, by hand or as a dependency; links in .wants stay.
# proof: [ "$(systemctl is-enabled nftables.service 2>/dev/null)" = masked ] && nft list ruleset | grep -q 'policy drop'
ln -sf /dev/null /etc/systemd/system/nftables.service
