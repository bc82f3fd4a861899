import { hangupChecks } from "./checks/act.ts";
import { newsChecks } from "./checks/news.ts";
import { placeChecks } from "./checks/place.ts";
import { testChannel } from "./conformance.ts";
import { mainAccountSid, mainAuthToken, startRonglianHarness } from "./ronglian-harness.ts";

const unsigned =
  "pushes carry no signature and no secret: the address's token, checked before, is all that proves them";
const deviations = {
  "webhook: a tampered push is refused": unsigned,
  "webhook: an unsigned push is refused": unsigned,
  "webhook: a stale push is refused": "pushes carry no time that is signed",
};

testChannel("ronglian, by a sub-account", await startRonglianHarness(), { deviations });
testChannel(
  "ronglian, JSON pushes, probed by the main account",
  await startRonglianHarness({ format: "json" }, { mainAccountSid, mainAuthToken }),
  { deviations },
);
testChannel("ronglian, server callbacks", await startRonglianHarness({}, { serverCallbacks: true }), {
  checks: [...newsChecks, ...hangupChecks],
});
testChannel("ronglian, one record for both legs", await startRonglianHarness({}, { needBothCdr: false }), {
  checks: [...placeChecks, ...newsChecks],
  deviations: {
    "news: every ending reads as product.md's table says": "such a record does not tell that the customer's phone rang",
  },
});
