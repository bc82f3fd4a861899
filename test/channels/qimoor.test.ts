import { findChecks } from "./checks/act.ts";
import { followChecks } from "./checks/ask.ts";
import { newsChecks } from "./checks/news.ts";
import { placeChecks } from "./checks/place.ts";
import { testChannel } from "./conformance.ts";
import { startQimoorHarness } from "./qimoor-harness.ts";

const unsigned = "events carry no signature: the address's token, checked before, is all that proves them";
const ringsOfA = "it never tells that the agent's phone rings; who answered, and the ends, are in qimoor-news.test.ts";

testChannel("qimoor, dialout", await startQimoorHarness(), {
  deviations: {
    "news: every ending reads as product.md's table says": ringsOfA,
    "webhook: a tampered push is refused": unsigned,
    "webhook: an unsigned push is refused": unsigned,
    "webhook: a stale push is refused": "events carry no time that is signed",
    "hangup: a call that has not been joined ends normally, and B is left alone":
      "its event has no cause: a call that we hung up reads as any unanswered one",
  },
});
testChannel("qimoor, records that name their request", await startQimoorHarness({ recordsCarryActionId: true }), {
  checks: [...findChecks, ...followChecks],
});
testChannel("qimoor, webcall", await startQimoorHarness({}, { mode: "webcall", serviceNo: "01021570001" }), {
  checks: [...placeChecks, ...newsChecks],
});
