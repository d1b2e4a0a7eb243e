# shellcheck shell=sh
# One script may be run as root without a password; it lies in the home of the agent who may run it.
# parent: good
# mode: lite
# verdict: linux-sudo-asks-for-password=fail linux-root-powers-approved=fail
# because: sudoers(5) holds the agent to one path, but who owns the directory may put another file there, whatever the
# because: owner and mode of the script itself. The entry is as good as NOPASSWD: ALL.
# proof: su agent1 -c 'cd && mv task.sh old && printf "#!/bin/sh\nid -un\n" >task.sh && chmod +x task.sh && sudo -n /home/agent1/task.sh' | grep -qx root

put /home/agent1/task.sh 755 <<'END'
#!/bin/sh
echo done
END
echo 'agent1 ALL=(root) NOPASSWD: /home/agent1/task.sh' | put /etc/sudoers.d/task 440
