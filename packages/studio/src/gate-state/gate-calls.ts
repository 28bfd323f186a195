import { HoldfastError } from "@holdfast/core";
import type { BudgetStatus, Gate, GateNodes, Vault } from "@holdfast/gate";

/** What commands may do with the vault. None of it returns a secret. */
export type CommandVault = Omit<Vault, "readSecret" | "redact">;

/** What commands may ask of the gate of a node. */
export interface CommandNode extends Omit<GateNodes, "node"> {
  budgets(): Promise<readonly BudgetStatus[]>;
}

/** Calls by name, as they arrive over the control socket. */
type Calls = CommandVault & CommandNode;

/** Every name is here: one that is missing fails to compile. */
const names: Readonly<Record<keyof Calls, true>> = {
  ...{ status: true, setApiKey: true, deleteApiKey: true, setBaseUrl: true, upstream: true },
  ...{ setSecret: true, deleteSecret: true, secretEntries: true, grant: true, revoke: true, grants: true },
  ...{
    verifyAudit: true,
    queryAudit: true,
    auditNodes: true,
    policyRules: true,
    removePolicyRule: true,
    budgets: true,
  },
};

/** Answers a call of a command. Throws `control.not_found`, and what the call throws. */
export async function answerGateCall(gate: Gate, call: string, args: readonly unknown[]): Promise<unknown> {
  const { nodes, vault } = gate;
  if (nodes === undefined || !Object.hasOwn(names, call))
    throw new HoldfastError("control", "not_found", "There is no such call of the gate", { statusCode: 404 });
  if (call === "budgets") return (await gate.status()).budgets;
  const owner: object = call in nodes ? nodes : vault;
  const method: unknown = Reflect.get(owner, call, owner);
  if (typeof method !== "function") throw new Error(`The gate has no ${call}`);
  return Reflect.apply(method, owner, [...args]);
}

/** The calls of a gate in another process, each sent with `send`. */
export function remoteGateCalls(send: (call: string, args: readonly unknown[]) => Promise<unknown>): Calls {
  const entries = Object.keys(names).map((name) => [name, (...args: unknown[]) => send(name, args)]);
  return Object.fromEntries(entries) as Calls;
}
