# shellcheck shell=sh
# A strict input chain, and the rules of a container engine that publishes a port on all addresses.
# parent: good
# mode: lite
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-container-ports-bounded=fail linux-listeners-allowed=fail
# because: a translated packet goes by the forward hook and never meets the input hook (nft(8), address translation).
# proof: [ "$(lab-knock 8081)" = closed ] && [ "$(lab-knock 8080 container)" = open ]
knock_tool
sed -i '/hook forward/s/policy drop/policy accept/' /etc/nftables.conf
cat >>/etc/nftables.conf <<'END'
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local jump DOCKER
	}
	chain DOCKER {
		iifname "docker0" return
		iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80
	}
}
END
