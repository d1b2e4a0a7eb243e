# shellcheck shell=sh
# A service of the site's own loads rules with iptables-legacy; `nft list ruleset` prints nothing.
# parent: good
# mode: systemd
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-firewall-ipv6-denies-inbound=pass linux-firewall-persists-at-boot=unknown
# because: the kernel asks the legacy tables and those of nf_tables alike, and nft lists the latter alone (nft(8)).
# because: what a script of the site's own will load at the next start cannot be read from its text.
# proof: [ -z "$(nft list ruleset)" ] && [ "$(lab-knock 8080)" = closed ]
knock_tool
systemctl -q disable nftables.service
systemctl -q disable fail2ban.service
put /usr/local/sbin/site-rules 755 <<'END'
#!/bin/sh
for tool in iptables-legacy ip6tables-legacy; do
  $tool -P INPUT DROP
  $tool -A INPUT -i lo -j ACCEPT
  $tool -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
  $tool -A INPUT -p tcp --dport 22 -j ACCEPT
done
ip6tables-legacy -A INPUT -p ipv6-icmp -j ACCEPT
END
put /etc/systemd/system/site-rules.service <<'END'
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/site-rules
[Install]
WantedBy=multi-user.target
END
systemctl -q enable site-rules.service
