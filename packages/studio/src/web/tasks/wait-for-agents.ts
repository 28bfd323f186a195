import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { AgentChoice } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { agentsQuery } from "../shared/queries.ts";

/** For a submit that comes before the agents are known: `wait` has it repeated when they are. */
export function useWaitForAgents(agent: AgentChoice | undefined, submit: () => void) {
  const agents = useQuery(agentsQuery(useApi()));
  const [isWaiting, setIsWaiting] = useState(false);
  const isUnknown = agent === undefined && agents.isPending;
  // The field chooses a usable agent right after it has them.
  const isChosenNext =
    agent === undefined && agents.data?.some(({ installed, ready }) => installed && ready) === true;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is submitted is what the form has by then
  useEffect(() => {
    if (!isWaiting || isUnknown || isChosenNext) return;
    setIsWaiting(false);
    submit();
  }, [isWaiting, isUnknown, isChosenNext]);
  return { isUnknown, isWaiting, wait: () => setIsWaiting(true) };
}
