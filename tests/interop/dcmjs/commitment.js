// Asks for storage commitment as dcmjs-dimse does, and waits for the result: PORT OWN-PORT [[class, instance] …] TRANSACTION

const dimse = require('dcmjs-dimse');
const { Client, Server, Scp, Dataset } = dimse;
const { NActionRequest } = dimse.requests;
const { NEventReportResponse } = dimse.responses;
const { SopClass, TransferSyntax, PresentationContextResult, Status } = dimse.constants;
const [, , port, own, references, transaction] = process.argv;

class Ear extends Scp {
  associationRequested(association) {
    for (const { id, context } of association.getPresentationContexts()) {
      context.getTransferSyntaxUids().forEach((syntax) => {
        if (syntax === TransferSyntax.ImplicitVRLittleEndian || syntax === TransferSyntax.ExplicitVRLittleEndian)
          context.setResult(PresentationContextResult.Accept, syntax);
      });
    }
    this.sendAssociationAccept();
  }
  nEventReportRequest(request, callback) {
    const told = request.getDataset().getElements();
    const response = NEventReportResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
    console.log(JSON.stringify({ event: request.getEventTypeId(), told }));
    setTimeout(() => process.exit(0), 500);
  }
  associationReleaseRequested() { this.sendAssociationReleaseResponse(); }
}
const server = new Server(Ear);
server.on('networkError', (e) => console.error('server', e));
server.listen(Number(own));
const client = new Client();
const request = new NActionRequest(SopClass.StorageCommitmentPushModel, '1.2.840.10008.1.20.1.1', 1);
request.setDataset(new Dataset({
  TransactionUID: transaction,
  ReferencedSOPSequence: JSON.parse(references).map(([c, i]) => ({ ReferencedSOPClassUID: c, ReferencedSOPInstanceUID: i })),
}));
request.on('response', (r) => console.log(JSON.stringify({ status: r.getStatus() })));
client.addRequest(request);
client.on('networkError', (e) => { console.error(String(e)); process.exit(2); });
client.send('127.0.0.1', Number(port), 'DCMJS', 'SURET');
setTimeout(() => process.exit(3), 20000);
