"""What a Windows team is asked to set up so that hosts can be checked: `hardencheck doctor --windows-setup`."""

from __future__ import annotations

TEXT = r"""Windows hosts: what hardencheck needs, and what it must not be given

hardencheck logs in over WinRM, opens one remote shell, runs one PowerShell script that only reads, and closes the
shell. It installs nothing. `hardencheck doctor --show-script --platform windows` prints the script, and the host's own
log has it too (Microsoft-Windows-PowerShell/Operational, event 4104).

Marked [not tried]: written after Microsoft's documentation and other users' reports; hardencheck's authors could run
none of it on a real domain. Try it on one test host before it goes into a policy.

1. The account
   A domain account of its own, such as LAB\svc-hardencheck, for nothing else.
   - Long random password (30 characters or more), kept in the inventory's vault only.
   - "Account is sensitive and cannot be delegated": yes. With Kerberos also put it into the group Protected Users,
     which forbids NTLM for it. [not tried]
   - Deny it "log on locally" and "log on through Remote Desktop Services"; it needs "Access this computer from the
     network" (user rights assignment).
   - Not a member of Domain Admins: it needs rights on the hosts that are checked, not on the domain.
   - No local account: Windows takes its administrator rights away over the network, and the usual baselines deny it
     the network logon.
   A wrong password is tried on two hosts at most, so that a sweep does not lock the account.

2. Its rights on a host: two ways
   a) Administrator of the host (recommended: all checks can look)
      GPO: Computer Configuration > Preferences > Control Panel Settings > Local Users and Groups
           Administrators (built-in), action Update, add LAB\hardencheck-targets (a domain group with the account)
      Needed by what Windows shows to administrators only:
           secedit /export             password, lockout and user-rights policy
           auditpol                    audit policy
           Win32_EncryptableVolume     BitLocker
           Win32_Service               services, as seen over the network
           WSMan:\                     WinRM's own settings
      It is the power to change the host as well. Guard the controller and its vault as a domain's admin host.
   b) Less than that (some checks end in "unknown", none in a wrong answer) [not tried]
      The group Remote Management Users alone is not enough: it opens PowerShell sessions, not the remote shell. The
      account also needs Read and Execute in WinRM's own access list, which no GPO sets; on each host:
           winrm configSDDL default    (adds an entry to WSMan:\localhost\Service\RootSDDL)
      Registry policies, versions and most settings can be read then; everything in the list under a) can not.

3. The listener: HTTPS on port 5986
   - A certificate for server authentication with the host's DNS name, from the domain's CA (GPO: Public Key Policies >
     Certificate Services Client - Auto-Enrollment, template for computers).
   - No GPO makes an HTTPS listener; a start-up script does, once there is a certificate:
           winrm quickconfig -transport:https -quiet
     or with a certificate of your choice:
           New-Item -Path WSMan:\localhost\Listener -Transport HTTPS -Address * -CertificateThumbPrint THUMB -Force
     A listener keeps its certificate: make it anew when the certificate was renewed. [not tried]
   - The CA's certificate in PEM goes to the controller: ansible_winrm_ca_trust_path. hardencheck never goes on without
     a valid certificate.
   - Plain HTTP on port 5985 works too, with encrypted messages; but with NTLM nothing proves which host answers.

4. Policies
   Computer Configuration > Policies > Administrative Templates > Windows Components
   > Windows Remote Management (WinRM) > WinRM Service
           Allow remote server management through WinRM    Enabled, IPv4 filter *  (addresses that the host listens
                                                           on, not those of clients: the firewall limits these;
                                                           it adds a listener for HTTP, which the firewall hides)
           Allow Basic authentication                      Disabled
           Allow unencrypted traffic                       Disabled
           Allow CredSSP authentication                    Disabled
           Disallow Kerberos authentication                Disabled or not configured
           Disallow Negotiate authentication               not Enabled, where NTLM is used
           Specify channel binding token hardening level   Enabled, Strict
   > Windows Remote Shell
           Allow Remote Shell Access                       Enabled or not configured
   Computer Configuration > Policies > Windows Settings > Security Settings > System Services
           Windows Remote Management (WS-Management)       Automatic
   hardencheck uses neither Basic nor CredSSP, and no unencrypted traffic: baselines may forbid them all.

5. Firewall: nobody but the controller
   GPO: Windows Settings > Security Settings > Windows Defender Firewall with Advanced Security > Inbound Rules
           TCP, local port 5986, remote address CONTROLLER, profile Domain, Allow
   or    New-NetFirewallRule -DisplayName 'WinRM for hardencheck' -Direction Inbound -Protocol TCP -LocalPort 5986 `
             -RemoteAddress CONTROLLER -Profile Domain -Action Allow
   Turn off the predefined rules "Windows Remote Management (HTTP-In)" where nothing else needs them.

6. Kerberos on the controller (recommended; NTLM needs none of it)
   pip install 'hardencheck[kerberos]', krb5-user and a krb5.conf with the domain's realm; in the inventory
   ansible_user: svc-hardencheck@LAB.EXAMPLE (realm in capitals), and hosts by their DNS names. Clocks must agree within
   five minutes.

7. How to test
   From a Windows machine (as an administrator; the firewall rule must let it in for as long):
           Test-WSMan -ComputerName HOST -UseSSL
           winrs -r:https://HOST:5986 -u:LAB\svc-hardencheck whoami /groups
   From the controller:
           hardencheck doctor -i INVENTORY --limit HOST
   which says step by step what works, and what to do about the rest.
"""
