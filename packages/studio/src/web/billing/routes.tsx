import "./billing.css";
import { getRouteApi } from "@tanstack/react-router";
import { BillingScreen } from "./billing-screen.tsx";

const route = getRouteApi("/settings/billing");

export function BillingRoute() {
  const { from } = route.useSearch();
  return <BillingScreen isBack={from !== undefined} />;
}
