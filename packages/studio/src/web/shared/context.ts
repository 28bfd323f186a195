/** Shared by all rooms of the app: client, queries, live updates, small components. */
import { createContext, useContext } from "react";
import type { StudioApi } from "./port.ts";

const ApiContext = createContext<StudioApi | undefined>(undefined);

export const ApiProvider = ApiContext.Provider;

export function useApi(): StudioApi {
  const api = useContext(ApiContext);
  if (api === undefined) throw new Error("useApi must be used inside an ApiProvider");
  return api;
}
