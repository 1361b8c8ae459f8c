/** The nwfilter that ports of ours have. */
export const antiSpoofingFilter = 'novaflow-anti-spoofing';

/**
 * Lets a guest send only from the MAC address and the address it was given: IPv4 and ARP in its own name, and the RARP with
 * which QEMU announces it after a migration. One chain of five rules, where libvirt's `clean-traffic` has eight chains: each
 * chain and rule is a run of ebtables, and a guest starts and ends 0.5 s later instead of 2 s. The uuid is fixed, so that
 * the definition can be repeated.
 */
export const antiSpoofingXml = `<filter name='${antiSpoofingFilter}' chain='root'>
  <uuid>6e6f7661-666c-4f77-a0a1-616e74697370</uuid>
  <rule action='drop' direction='out' priority='100'><mac match='no' srcmacaddr='$MAC'/></rule>
  <rule action='accept' direction='out' priority='200'><ip srcipaddr='$IP'/></rule>
  <rule action='accept' direction='out' priority='300'><arp arpsrcmacaddr='$MAC' arpsrcipaddr='$IP'/></rule>
  <rule action='accept' direction='out' priority='400'><rarp arpsrcmacaddr='$MAC' arpsrcipaddr='0.0.0.0'/></rule>
  <rule action='drop' direction='out' priority='1000'><mac/></rule>
</filter>`;
