# shellcheck shell=sh
# The chains' policies are accept, as firewalld and RHEL's iptables had them, and the last rule rejects.
# parent: good
# mode: lite
# verdict: linux-firewall-ipv4-denies-inbound=pass linux-firewall-ipv6-denies-inbound=pass linux-firewall-persists-at-boot=pass
# because: nft(8): the policy holds for packets that no rule decided, and a reject without conditions decides all.
# proof: [ "$(lab-knock 8080)" = closed ]
knock_tool
sed -i '/hook input/s/policy drop/policy accept/; s/^\t\ttcp dport 22 accept$/&\n\t\treject/' /etc/nftables.conf
