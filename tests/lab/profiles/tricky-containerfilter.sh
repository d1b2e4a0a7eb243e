# shellcheck shell=sh
# A published port that the chain DOCKER-USER leaves to the office network alone.
# parent: good
# mode: lite
# verdict: linux-container-ports-bounded=pass linux-firewall-persists-at-boot=pass
# because: DOCKER-USER comes first at the forward hook, and drop is final whatever the engine's own chains accept.
# proof: [ "$(lab-knock 8080 container)" = closed ]
knock_tool
sed -i '/hook forward/{
s/policy drop/policy accept/
s/$/\n\t\tjump DOCKER-USER/
}' /etc/nftables.conf
sed -i '/^table inet filter {$/r /dev/stdin' /etc/nftables.conf <<'END'
	chain DOCKER-USER {
		iifname "docker0" return
		ct state established,related return
		ip saddr != 10.77.0.0/16 drop
	}
END
cat >>/etc/nftables.conf <<'END'
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80
	}
}
END
