import "./style.css";
import type { ReactNode } from "react";

export const metadata = { title: "Guests" };

export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
