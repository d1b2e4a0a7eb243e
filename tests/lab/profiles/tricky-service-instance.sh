# shellcheck shell=sh
# A VNC server is enabled for the next start as an instance of a template; it does not run now.
# parent: good
# mode: systemd
# verdict: linux-unneeded-services-absent=fail
# because: systemd.unit(5): a link in a .wants directory to NAME@INSTANCE.service starts that instance at boot; its name
# because: is vncserver@:1, so a search for vncserver.service misses it.
# proof: systemctl list-dependencies --plain multi-user.target | grep -q 'vncserver@:1.service'
put /etc/systemd/system/vncserver@.service <<'END'
[Service]
ExecStart=/bin/true
END
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s ../vncserver@.service /etc/systemd/system/multi-user.target.wants/vncserver@:1.service
