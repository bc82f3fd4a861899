/** What tests want to happen: a script for calls, a fault for one request. */
import { national } from "./national.ts";

export function openScripts<Script extends object>() {
  const byTarget = new Map<string, Script>();
  const nextScripts: Script[] = [];
  return {
    script(target: string, script: Script): void {
      if (target === "next") nextScripts.push(script);
      else byTarget.set(national(target), script);
    },
    /** By the call's own reference, where one is given, before by its customer; else the one for the next call. */
    scriptOf(customer: string, reference?: string): Partial<Script> {
      const ofReference = reference === undefined ? undefined : byTarget.get(national(reference));
      return ofReference ?? byTarget.get(national(customer)) ?? nextScripts.shift() ?? {};
    },
  };
}

export function openFaults<Fault>() {
  const byOperation = new Map<string, Fault[]>();
  return {
    /** Happens to the next request of this operation, however right it is. */
    failNext(operation: string, fault: Fault): void {
      byOperation.set(operation, [...(byOperation.get(operation) ?? []), fault]);
    },
    nextFault: (operation: string): Fault | undefined => byOperation.get(operation)?.shift(),
  };
}
