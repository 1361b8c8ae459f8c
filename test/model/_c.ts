import { convert, create } from 'xmlbuilder2';
const x = `<?xml version="1.0"?><a t='1' xmlns:n='u'><b>x &lt;&quot;&apos;&#233;&#x41;&amp;</b><b/><b> </b><c><d/></c><n:e q="&lt;&#10;'"/><!-- c --><m>t<z/>u</m><l><![CDATA[q<]]></l></a>`;
console.log(JSON.stringify(convert(x, { format: 'object', verbose: true }), null, 0));
console.log(JSON.stringify(convert(x, { format: 'object', verbose: true, group:true }), null, 0));
const n = create(x).root(); console.log(n.node.childNodes.length, 'attributes' in n.node, (n.node as any).namespaceURI);
try { convert('<a><b></a>', {format:'object'}) } catch (e) { console.log(String(e)) }
try { console.log(convert('', {format:'object'})) } catch (e) { console.log(String(e)) }
try { console.log(convert('hello', {format:'object'})) } catch (e) { console.log(String(e)) }
