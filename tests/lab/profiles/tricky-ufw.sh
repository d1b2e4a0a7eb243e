# shellcheck shell=sh
# ufw is the firewall, nftables.service is off: a check of every front end fails two of three.
# parent: good
# mode: systemd
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-firewall-ipv6-denies-inbound=pass linux-firewall-persists-at-boot=pass
# because: ufw(8): enabled, its default is deny (incoming), for both families with IPV6=yes in /etc/default/ufw.
# proof: ufw status verbose | grep -q 'deny (incoming)' && [ "$(lab-knock 8080)" = closed ]
knock_tool
systemctl -q disable nftables.service
sed -i 's/^ENABLED=.*/ENABLED=yes/' /etc/ufw/ufw.conf
for kind in '' 6; do
  sed -i "s/^### RULES ###\$/&\n-A ufw$kind-user-input -p tcp --dport 22 -j ACCEPT/" "/etc/ufw/user$kind.rules"
done
systemctl -q enable ufw.service
