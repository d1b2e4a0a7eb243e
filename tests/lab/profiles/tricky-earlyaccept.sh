# shellcheck shell=sh
# One chain accepts everything early, a later one drops: nothing but SSH gets in.
# parent: good
# mode: lite
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-firewall-ipv6-denies-inbound=pass linux-firewall-persists-at-boot=pass
# because: nft(8), accept: the packet goes on to base chains of a later priority; only drop is final.
# proof: [ "$(lab-knock 8080)" = closed ]
knock_tool
cat >>/etc/nftables.conf <<'END'
table inet early {
	chain input {
		type filter hook input priority -10; policy accept;
		accept
	}
}
END
