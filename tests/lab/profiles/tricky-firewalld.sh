# shellcheck shell=sh
# firewalld runs with its public zone as it was installed.
# parent: good
# mode: systemd
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-firewall-ipv6-denies-inbound=pass linux-firewall-persists-at-boot=pass
# because: firewalld.zone(5): a zone without a target rejects what it does not accept.
# proof: firewall-cmd --state -q && [ "$(lab-knock 8080)" = closed ]
knock_tool
systemctl -q disable nftables.service
systemctl -q enable firewalld.service
