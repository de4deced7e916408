//! Uploads in parts.

use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};

use super::model::{Caller, Storage, Upload, Version};
use super::objects::{kept_headers, kept_until, written};
use super::operation::Request;
use super::refusal::{Refused, invalid, malformed_xml, no_such_upload};
use super::server::Reply;
use super::signature::hex;
use super::xml::{self, Xml};

/// The most parts of an upload.
const MOST_PARTS: u32 = 10_000;
/// The least size of every part but the last, in bytes.
const LEAST_PART: usize = 5 << 20;

impl Storage {
    pub(super) fn create_upload(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        self.own(caller, name)?;
        let headers = kept_headers(request)?;
        let id = hex(&Md5::digest(format!("{}/{name}/{key}/{}", self.next, caller.now)));
        self.next += 1;
        let upload = Upload {
            bucket: name.to_owned(),
            key: key.to_owned(),
            begun: caller.now,
            headers,
            parts: Default::default(),
        };
        self.uploads.insert(id.clone(), upload);
        let mut xml = Xml::new("InitiateMultipartUploadResult");
        xml.text("Bucket", name);
        xml.text("Key", key);
        xml.text("UploadId", id);
        Ok(Reply::xml(xml.finish()))
    }

    fn upload(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
    ) -> Result<&mut Upload, Refused> {
        self.own(caller, name)?;
        let id = request.query("uploadId").unwrap_or_default();
        let upload = self.uploads.get_mut(id).filter(|upload| upload.bucket == name && upload.key == key);
        upload.ok_or_else(no_such_upload)
    }

    pub(super) fn upload_part(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
        body: Bytes,
    ) -> Result<Reply, Refused> {
        let number = request.query("partNumber").and_then(|text| text.parse().ok());
        let number = number.filter(|number| (1..=MOST_PARTS).contains(number));
        let number = number.ok_or_else(|| invalid("Part number must be an integer between 1 and 10000"))?;
        let etag = hex(&Md5::digest(&body));
        self.upload(caller, name, key, request)?.parts.insert(number, (etag.clone(), body));
        Ok(Reply::empty(200).with("etag", format!("\"{etag}\"")))
    }

    pub(super) fn list_parts(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        let upload = self.upload(caller, name, key, request)?;
        let mut xml = Xml::new("ListPartsResult");
        xml.text("Bucket", name);
        xml.text("Key", key);
        xml.text("IsTruncated", false);
        for (number, (etag, content)) in &upload.parts {
            xml.open("Part");
            xml.text("PartNumber", number);
            xml.text("ETag", format!("\"{etag}\""));
            xml.text("Size", content.len());
            xml.close();
        }
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn complete_upload(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        let kept = kept_until(self.own(caller, name)?, request, caller.now)?;
        let upload = self.upload(caller, name, key, request)?.clone();
        let wanted: xml::Complete = xml::read(body)?;
        if wanted.part.is_empty() {
            return Err(malformed_xml());
        }
        if wanted.part.windows(2).any(|pair| pair[0].part_number >= pair[1].part_number) {
            return Err(Refused::new(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order.",
            ));
        }
        let (mut whole, mut tags) = (BytesMut::new(), Md5::new());
        let last = wanted.part.len() - 1;
        for (index, part) in wanted.part.iter().enumerate() {
            let known = upload.parts.get(&part.part_number);
            let known = known.filter(|(etag, _)| part.etag.trim_matches('"') == etag);
            let missing = || Refused::new(400, "InvalidPart", "One or more of the parts could not be found.");
            let (_, content) = known.ok_or_else(missing)?;
            if index < last && content.len() < LEAST_PART {
                let message = "Your proposed upload is smaller than the minimum allowed size";
                return Err(Refused::new(400, "EntityTooSmall", message));
            }
            whole.extend_from_slice(content);
            tags.update(Md5::digest(content));
        }
        let version = Version {
            etag: format!("{}-{}", hex(&tags.finalize()), wanted.part.len()),
            size: whole.len() as u64,
            headers: upload.headers,
            kept,
            ..Version::nothing()
        };
        let version = self.write(name, key, caller.now, whole.freeze(), version)?;
        self.uploads.remove(request.query("uploadId").unwrap_or_default());
        let mut xml = Xml::new("CompleteMultipartUploadResult");
        xml.text("Bucket", name);
        xml.text("Key", key);
        xml.text("ETag", format!("\"{}\"", version.etag));
        let reply = Reply::xml(xml.finish());
        let mut headers = written(&version).headers;
        headers.retain(|(name, _)| name == "x-amz-version-id");
        Ok(Reply { headers: reply.headers.into_iter().chain(headers).collect(), ..reply })
    }

    pub(super) fn abort_upload(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        self.upload(caller, name, key, request)?;
        self.uploads.remove(request.query("uploadId").unwrap_or_default());
        Ok(Reply::empty(204))
    }
}
