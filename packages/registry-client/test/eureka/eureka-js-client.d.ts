/** What the test uses of it; the package brings no types. */
declare module 'eureka-js-client' {
  export class Eureka {
    constructor(config: object);
    start(callback: (error?: Error) => void): void;
    stop(callback: (error?: Error) => void): void;
    getInstancesByAppId(app: string): unknown[];
    getInstancesByVipAddress(vip: string): unknown[];
  }
}
