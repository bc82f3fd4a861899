import { afterAll } from "bun:test";
import { testChannel } from "./conformance.ts";
import { startCustomHarness } from "./custom-harness.ts";

const [json, form, xml, jy] = await Promise.all([
  startCustomHarness("json"),
  startCustomHarness("form"),
  startCustomHarness("xml"),
  startCustomHarness("jy"),
]);
afterAll(() => Promise.all([json, form, xml, jy].map(({ far }) => far.stop())));

testChannel("custom: JSON, pushes signed by an HMAC", json);
testChannel("custom: a form, pushes signed by an MD5", form);

const token = "a token in a header proves who sends it, and covers neither the body nor a time";
testChannel("custom: XML, pushed with a token and asked for", xml, {
  deviations: { "webhook: a tampered push is refused": token, "webhook: a stale push is refused": token },
});

const address = "nothing is known of a signature: the address's token, checked before, is all that proves a push";
testChannel("jy", jy, {
  deviations: {
    "webhook: a tampered push is refused": address,
    "webhook: an unsigned push is refused": address,
    "webhook: another secret's push is refused": address,
    "webhook: a stale push is refused": address,
  },
});
