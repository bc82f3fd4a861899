import type { CloseType, ErrorCause, ErrorKind, HangupCause } from "../../channels/contract.ts";
import type { FinalStatus } from "./record.ts";

/** What a person should do next, from the requirements' appendix 8.2. */
export const hangupAdvice: Record<HangupCause, { zh: string; en: string }> = {
  NORMAL_CLEARING: { zh: "无需处理", en: "Nothing to do" },
  USER_BUSY: { zh: "对方忙，稍后重拨", en: "Busy: call again later" },
  NO_ANSWER: { zh: "无人接听，稍后重拨", en: "No answer: call again later" },
  CALL_REJECTED: { zh: "对方拒接，标记客户状态", en: "Declined: note it on the customer" },
  INVALID_NUMBER: { zh: "无效号码，请核实号码", en: "Invalid number: check it" },
  UNALLOCATED_NUMBER: { zh: "空号，标记为无效", en: "Vacant number: mark it invalid" },
  NETWORK_ERROR: { zh: "网络或线路错误，检查线路", en: "Network or line error: check the line" },
  TIMEOUT: { zh: "呼叫超时，稍后重拨", en: "Timed out: call again later" },
};

/** How a call that nobody answered is called, by its hang-up cause. */
export function statusOfUnanswered(cause: HangupCause): FinalStatus {
  switch (cause) {
    case "USER_BUSY":
      return "busy";
    case "CALL_REJECTED":
      return "rejected";
    case "NO_ANSWER":
    case "NORMAL_CLEARING":
      return "missed";
    case "INVALID_NUMBER":
    case "UNALLOCATED_NUMBER":
    case "NETWORK_ERROR":
    case "TIMEOUT":
      return "failed";
    default:
      return cause satisfies never;
  }
}

/** How a call ends whose last line said no. */
export function endingOfRefusal(kind: ErrorKind, cause: ErrorCause): { closeType: CloseType; cause: HangupCause } {
  if (cause === "number") return { closeType: 2, cause: "INVALID_NUMBER" };
  return { closeType: kind === "unreachable" ? 7 : 6, cause: "NETWORK_ERROR" };
}
