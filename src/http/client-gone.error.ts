/** The client hung up before its request was read to the end: nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super('The client closed the connection before its request was complete');
    this.name = 'ClientGone';
  }
}
