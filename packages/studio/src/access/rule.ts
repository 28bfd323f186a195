import type { Role } from "./roles.ts";

/** The least that a request needs. */
export type Rule =
  /** Nobody signs in, and everyone may. */
  | "public"
  /** Nobody signs in: the handler checks a secret of the request's own. */
  | "machine"
  /** Every person, of any organization or none. */
  | "person"
  /** A person with an account, who signed in: no API token, and not the operator. */
  | "account"
  /** This role in the organization that the request is about. */
  | Role
  /** The operator: whoever can use the data directory, and signs in with a link of `holdfast url`. */
  | "operator"
  /** The Studio's own process, and nobody over the network. */
  | "internal"
  /** Another node of this Studio, over a link on which it has proven the cluster's secret. */
  | "node";
