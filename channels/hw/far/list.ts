/** The list of records, in the order of the time by which it is cut. */
import type { FarCall } from "./call.ts";

export interface Window {
  account: string;
  from: number;
  to: number;
  offset: number;
  limit: number;
  caller: string | undefined;
}

export function openList({ cutBy, entriesMax }: { cutBy: "start" | "end"; entriesMax: number }) {
  const listed: FarCall[] = [];

  function cutTime(call: FarCall | undefined): number {
    if (call === undefined) return 0;
    return cutBy === "end" ? (call.endedAt ?? 0) : (call.a.calledAt ?? call.acceptedAt);
  }

  return {
    /** A late record moves all that are behind it: a later page can show one again. */
    add(call: FarCall, copies: number): void {
      let index = listed.length;
      while (index > 0 && cutTime(listed[index - 1]) > cutTime(call)) index -= 1;
      listed.splice(index, 0, ...Array.from({ length: copies }, () => call));
      if (listed.length > entriesMax) listed.shift();
    },
    read({ account, from, to, offset, limit, caller }: Window): { total: number; page: FarCall[] } {
      const found = listed.filter((call) => {
        const at = cutTime(call);
        return (
          call.account === account && at >= from && at <= to && (caller ?? call.order.caller) === call.order.caller
        );
      });
      return { total: found.length, page: found.slice(offset, offset + limit) };
    },
  };
}
