export interface GuestImage {
  readonly kernel: string;
}
export async function buildGuest(): Promise<GuestImage> {
  throw new Error('not yet');
}
