/** Queries and streams of a sandbox server. */
import { createContext, useContext } from "react";
import type { SandboxApi } from "./sandbox-api.ts";

const ApiContext = createContext<SandboxApi | undefined>(undefined);
export const ApiProvider = ApiContext.Provider;

export function useApi(): SandboxApi {
  const api = useContext(ApiContext);
  if (api === undefined) throw new Error("useApi must be used inside an ApiProvider");
  return api;
}
