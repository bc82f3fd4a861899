import { testChannel } from "./conformance.ts";
import { startHwHarness } from "./hw-harness.ts";

const unsigned = "the vendor signs no callback: the account's secret address is the only proof";
testChannel("hw", await startHwHarness(), {
  deviations: {
    "webhook: a tampered push is refused": unsigned,
    "webhook: an unsigned push is refused": unsigned,
    "webhook: another secret's push is refused": unsigned,
    "webhook: a stale push is refused": unsigned,
  },
});
