# shellcheck shell=sh
# firewalld runs, and somebody put the interface into the zone trusted.
# parent: good
# mode: systemd
# verdict: linux-firewall-ipv4-denies-inbound=fail linux-firewall-ipv6-denies-inbound=fail linux-firewall-persists-at-boot=fail
# because: firewalld.zones(5): trusted accepts all connections, whatever the default zone is.
# proof: firewall-cmd --get-zone-of-interface=eth0 | grep -qx trusted
systemctl -q disable nftables.service
systemctl -q enable firewalld.service
put /etc/firewalld/zones/trusted.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone target="ACCEPT">
  <short>Trusted</short>
  <interface name="eth0"/>
</zone>
END
