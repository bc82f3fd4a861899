import { startAliyunHarness } from "./aliyun-harness.ts";
import { testChannel } from "./conformance.ts";

const unsigned = "the vendor signs no push: the account's secret address is the only proof";
const deviations = {
  "webhook: a tampered push is refused": unsigned,
  "webhook: an unsigned push is refused": unsigned,
  "webhook: a stale push is refused": unsigned,
};
testChannel("aliyun, pushed", await startAliyunHarness("pushed"), {
  deviations: {
    ...deviations,
    "poll: the cursor moves on, nothing is lost, and the same cursor reads the same again":
      "no field of a record is documented to bring our id back: aliyun-feed.test.ts follows the provider's",
  },
});
// As far as an instance does bring the tags back, they are read.
testChannel("aliyun, asked", await startAliyunHarness("asked", { returnsTags: true }), { deviations });
